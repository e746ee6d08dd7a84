"""Drawing a picture anew: from what was sent, and small for mails.

What is shown is never what was sent: the picture is decoded and written again, so that nothing hides in it (a place in
its metadata, a script in its comment).
"""

from io import BytesIO

from PIL import Image, UnidentifiedImageError

from shared.contracts.organisations import LARGEST_PICTURE

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
LARGEST_SIDE = 4000
"""Pixels of what is sent; more would fill the memory before it is made smaller."""
SHOWN_SIDE = 480
"""Pixels of what is kept."""
MAILED_SIDES, MAILED_COLOURS = (320, 96), 64
"""Pixels of what goes into mails, where it stands half as large; and its colours, for it has to be small in bytes."""


class NoPictureError(ValueError):
    """What was sent is no picture of a format that we read, or a larger one than we read."""


def drawn_again(sent: bytes) -> bytes:
    """The picture as PNG, 480 pixels at most on its longer side, without anything but its pixels.

    Raises NoPictureError.
    """
    try:
        with Image.open(BytesIO(sent), formats=FORMATS) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise NoPictureError
            plain = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NoPictureError from error
    plain.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    made = BytesIO()
    plain.save(made, "PNG", optimize=True)
    return made.getvalue()


def for_mails(kept: bytes) -> bytes:
    """The picture that `drawn_again` made, as a PNG of few colours and 12,000 bytes at most."""
    with Image.open(BytesIO(kept), formats=("PNG",)) as picture:
        small = picture.convert("RGBA")
    small.thumbnail(MAILED_SIDES)
    while len(made := _in_few_colours(small)) > LARGEST_PICTURE:
        small.thumbnail((small.width * 3 // 4, small.height * 3 // 4))
    return made


def _in_few_colours(picture: Image.Image) -> bytes:
    made = BytesIO()
    picture.quantize(MAILED_COLOURS, Image.Quantize.FASTOCTREE).save(made, "PNG", optimize=True)
    return made.getvalue()
