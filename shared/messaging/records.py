r"""Records as aiokafka reads them, but for one thing: a header whose name is not UTF-8 stops no partition.

aiokafka 0.14 raises UnicodeDecodeError for such a record (CorruptRecordException without its extension in C): the task
that reads the topic ends, and after each new start ends again. Here the extension reads as before; where it fails, its
twin in Python reads the rest of the batch and escapes such a name as `\xff`. What is corrupt in truth fails in both.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


class _Bytes(bytearray):
    """Bytes, and slices of them, of which each is a text."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return _Bytes(part) if isinstance(key, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """The text; what is none is escaped."""
        return bytes(self).decode(encoding, errors)


class _AnyName(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _Bytes(self._buffer)


class _Batch:
    """A batch of aiokafka's, with the way around."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = -1
        try:
            for record in self._batch:
                yield record
                read = record.offset
        except (UnicodeDecodeError, CorruptRecordException):
            yield from (record for record in _AnyName(self._raw) if record.offset > read)


class Records(_MemoryRecordsPy):  # type: ignore[misc]
    """What a fetch brought for one partition."""

    def next_batch(self) -> Any:
        """The next batch; none behind the last."""
        raw = self._next_slice
        batch = super().next_batch()
        return batch if raw is None or raw[self.MAGIC_OFFSET] < 2 else _Batch(batch, raw)


def read_any_header() -> None:
    """Have every consumer of this process read records so."""
    fetcher.MemoryRecords = Records
