"""Short digests for names, labels and comparisons; hashlib and its OpenSSL (4 MB) are loaded when first needed."""

from __future__ import annotations


def hex_digest(text: str, digits: int) -> str:
    """The first `digits` hex digits of the SHA-256 of a text."""
    from hashlib import sha256

    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:digits]
