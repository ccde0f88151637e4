"""Renders the demo's edition to the pictures in this folder, with headless Chromium: `make gallery`."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

GALLERY = Path(__file__).parent
ROOT = GALLERY.parent.parent
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --virtual-time-budget=1000"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the edition: how wide, how tall, and whether the reader prefers dark."""

    name: str
    width: int
    height: int
    is_dark: bool = False


PICTURES = (
    Picture(name="edition-light", width=640, height=1500),
    Picture(name="edition-dark", width=640, height=1500, is_dark=True),
    Picture(name="edition-375", width=375, height=1500),
)


def main() -> None:
    """Render the edition of the sample pages and take every picture of it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "edition.html"
        render(page)
        for picture in PICTURES:
            take(chromium, page, picture)


def render(page: Path) -> None:
    """The edition of the demo's reader, as `digest preview` writes it."""
    pages = [flag for path in sorted((ROOT / "examples/pages").iterdir()) for flag in ("--page", str(path))]
    command = [sys.executable, "-m", "digest", "preview", "examples/profiles/ada.toml", "--html", str(page)]
    subprocess.run(
        [*command, *pages, "--day", "2026-03-11", "--saved-on", "2026-03-11"], cwd=ROOT, check=True
    )


def take(chromium: str, page: Path, picture: Picture) -> None:
    """One screenshot. Chromium's window has a least width, so the page stands in a frame of the right one."""
    frame = page.with_name("frame.html")
    style = f"border:0;width:{picture.width}px;height:{picture.height}px"
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.name}" style="{style}"></iframe>', encoding="utf-8"
    )
    target = GALLERY / f"{picture.name}.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if picture.is_dark else []
    size = f"--window-size={picture.width},{picture.height}"
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, *FLAGS, *scheme, f"--user-data-dir={profile}", size, f"--screenshot={target}"]
        subprocess.run([*command, frame.as_uri()], check=True, capture_output=True, timeout=60)
    print(f"wrote {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
