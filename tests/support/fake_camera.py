"""A film for Chromium's fake camera: somebody holds a QR code in front of it."""

from pathlib import Path

from shared.tickets import qr_code

WIDTH, HEIGHT, FRAMES = 640, 480, 3
_MODULE = 8


def film(path: Path, text: str) -> Path:
    """Write the film as YUV4MPEG2, which Chromium takes for a camera's picture; grey around the code."""
    rows = [list(row) for row in qr_code(text).matrix_iter(border=4)]
    side = len(rows) * _MODULE
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    picture = bytearray(b"\x70" * (WIDTH * HEIGHT))
    for y in range(side):
        line = b"".join((b"\x10" if dark else b"\xeb") * _MODULE for dark in rows[y // _MODULE])
        start = (top + y) * WIDTH + left
        picture[start : start + side] = line
    colourless = b"\x80" * (WIDTH * HEIGHT // 2)
    frame = b"FRAME\n" + bytes(picture) + colourless
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F5:1 Ip A1:1 C420mpeg2\n".encode() + frame * FRAMES)
    return path
