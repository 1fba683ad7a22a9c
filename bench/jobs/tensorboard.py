"""Training curves and scores of a suite's runs, finished or running, as TensorBoard event files.

TensorBoard reads records of (length, CRC of the length, bytes, CRC of the bytes), where the bytes
are a protocol buffer. Writing curves takes a few lines of each format and saves a dependency. The
formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and
framework/summary.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from bench.config.types import Suite
from bench.records.curves import Scalar, suite_curves
from bench.records.layouts import Results

CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, bit-reversed


def export(suite: Suite, stored: Results, out: Path) -> int:
    """Write the verified and the running runs of a suite, one curve per seed; return the count.

    Files written again while a job runs only grow, as TensorBoard expects.
    """
    count = 0
    for method, task, _, curves in suite_curves(suite, stored):
        for seed, scalars in curves.items():
            write(out / task / method / str(seed), scalars)
            count += 1
    return count


def write(folder: Path, scalars: Iterable[Scalar]) -> None:
    """Write one event file with these scalars, replacing any earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    events = [_field(1, 1, 0.0) + _bytes(3, b"brain.Event:2")]  # wall time 0, file version
    for step, tag, value in scalars:
        entry = _bytes(1, tag.encode()) + _field(2, 5, value)
        events.append(_field(1, 1, 0.0) + _field(2, 0, step) + _bytes(5, _bytes(1, entry)))
    (folder / "events.out.tfevents.0.bench").write_bytes(b"".join(map(_record, events)))


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return b"".join(
        (length, struct.pack("<I", masked(length)), content, struct.pack("<I", masked(content)))
    )


def _varint(number: int) -> bytes:
    """Encode an integer with seven bits per byte, low bits first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _field(number: int, kind: int, value: float) -> bytes:
    """Encode a protocol-buffer field of wire type 0 (integer), 1 (double) or 5 (float)."""
    content = struct.pack("<d" if kind == 1 else "<f", value) if kind else _varint(int(value))
    return _varint(number << 3 | kind) + content


def _bytes(number: int, content: bytes) -> bytes:
    """Encode a field of wire type 2: a string, bytes, or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def crc32c(content: bytes) -> int:
    """Return the CRC-32C checksum (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(content: bytes) -> int:
    """Return the masked checksum that the record format requires."""
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
