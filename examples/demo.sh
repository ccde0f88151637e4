#!/bin/sh
# The main job on the sample pages: read, score, render, deliver; then show it. Run by `make demo`.
set -eu
digest="$BIN/digest --config examples/config.toml"
# A checkout forgets when files were written, and pages print no year: they were saved on this day.
touch -d 2026-03-11T12:00:00 examples/pages/*
rm -rf demo
mkdir demo
$digest send
$digest preview --text --html demo/edition.html --eml demo/edition.eml 2>/dev/null
echo "This edition lies in three forms:"
echo "  HTML:     $PWD/demo/edition.html"
echo "  message:  $PWD/demo/edition.eml"
echo "  Maildir:  $PWD/demo/maildir"
echo "Its arithmetic: $digest explain 'TITLE'"
