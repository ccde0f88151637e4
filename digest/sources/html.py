"""HTML as strangers send it."""


def html_text(data: bytes) -> str:
    """The text of a page, without what means nothing in HTML, and makes parsers stop or warn.

    That is NUL, and processing instructions.
    """
    return data.decode("utf-8-sig", errors="replace").replace("\x00", "").replace("<?", "&lt;?")
