"""A picture that was sent is drawn anew, or refused."""

import random
from io import BytesIO

import pytest
from PIL import Image

from services.events.organisations.drawing import LARGEST_SIDE, SHOWN_SIDE, NoPictureError, drawn_again, for_mails
from shared.contracts.organisations import LARGEST_PICTURE


def picture(kind="PNG", size=(900, 300), **more):
    made = BytesIO()
    Image.new("RGB", size, "#1a3f99").save(made, kind, **more)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_each_format_becomes_a_small_png(kind):
    """Whatever came, a PNG no larger than is shown, in the same shape."""
    with Image.open(BytesIO(drawn_again(picture(kind)))) as made:
        assert (made.format, made.size) == ("PNG", (SHOWN_SIDE, SHOWN_SIDE // 3))


def test_nothing_but_pixels_is_kept():
    """Where a photo was taken, and what stands behind its end, is gone."""
    exif = Image.Exif()
    exif[0x010E] = "the secret place"
    made = drawn_again(picture("JPEG", exif=exif) + b"<script>alert(1)</script>")
    assert b"secret" not in made
    assert b"script" not in made


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.7",
        picture()[:60],
        picture(size=(LARGEST_SIDE + 1, 1)),
        picture("TIFF"),
    ],
    ids=["nothing", "svg", "pdf", "cut", "too wide", "another format"],
)
def test_what_is_no_picture_of_ours_is_refused(sent):
    """Also a broken one, one that is too large, and a format that can run code."""
    with pytest.raises(NoPictureError):
        drawn_again(sent)


@pytest.mark.parametrize("size", [(1, 1), (480, 480), (480, 20), (20, 480)])
def test_a_picture_for_mails_is_small_and_keeps_its_shape(size):
    """Noise is the hardest to pack: it is made smaller until it fits; a transparent corner stays transparent."""
    noise = Image.frombytes("RGBA", size, random.Random(7).randbytes(size[0] * size[1] * 4))
    noise.putpixel((0, 0), (0, 0, 0, 0))
    kept = BytesIO()
    noise.save(kept, "PNG")
    made = for_mails(kept.getvalue())
    assert len(made) <= LARGEST_PICTURE
    with Image.open(BytesIO(made)) as picture:
        assert picture.format == "PNG"
        assert picture.width <= 320
        assert picture.height <= 96
        assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.2)
