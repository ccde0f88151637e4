"""Digest: the research papers you would have picked yourself, in your inbox every morning."""

__version__ = "0.1.0"
