"""A small assembler of sBPF, the instruction set of programs on Solana, and the ELF file that the loader takes.

Opcodes: https://github.com/anza-xyz/sbpf/blob/main/doc/bytecode.md, version 0. A call of the runtime has no number
until the loader puts it in: each is listed in the file as a relocation that names it, as for any shared library.
"""

from __future__ import annotations

import struct
from typing import Self

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FRAME = range(11)
"""The registers. R0 is what a program returns, R1 to R5 are arguments, R6 to R9 survive calls, FRAME is the end of
the stack."""

JUMP_ALWAYS, JUMP_UNLESS_EQUAL, JUMP_IF_LESS, JUMP_IF_GREATER = 0x05, 0x55, 0xAD, 0x2D
"""Of these JUMP_UNLESS_EQUAL compares with a number, the others with a register, unsigned."""

_INSTRUCTION_BYTES = 8
_MOVE_NUMBER, _MOVE = 0xB7, 0xBF
_ADD_NUMBER, _ADD, _AND_NUMBER, _SHIFT_LEFT = 0x07, 0x0F, 0x57, 0x67
_LOAD = {1: 0x71, 4: 0x61, 8: 0x79}
_STORE = {1: 0x73, 4: 0x63, 8: 0x7B}
_STORE_NUMBER = {1: 0x72, 8: 0x7A}
_CALL, _EXIT, _TO_BE_RELOCATED = 0x85, 0x95, -1


class Assembler:
    """Instructions in order. Every method but `elf` appends one and returns the assembler."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, int, int, int]] = []
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []
        self._calls: list[tuple[int, str]] = []

    def label(self, name: str) -> Self:
        """Name the instruction that comes next."""
        self._labels[name] = len(self._code)
        return self

    def put(self, register: int, number: int) -> Self:
        """Set *register* to *number*."""
        return self._op(_MOVE_NUMBER, to=register, number=number)

    def copy(self, register: int, source: int, plus: int = 0) -> Self:
        """Set *register* to what is in *source*, plus a number."""
        self._op(_MOVE, to=register, by=source)
        return self.add(register, plus) if plus else self

    def add(self, register: int, number: int) -> Self:
        """Add *number* to *register*."""
        return self._op(_ADD_NUMBER, to=register, number=number)

    def add_register(self, register: int, other: int) -> Self:
        """Add what is in *other* to *register*."""
        return self._op(_ADD, to=register, by=other)

    def mask(self, register: int, number: int) -> Self:
        """Keep those bits of *register* that *number* has; it is extended with its sign."""
        return self._op(_AND_NUMBER, to=register, number=number)

    def shift_left(self, register: int, bits: int) -> Self:
        """Shift *register* by *bits*."""
        return self._op(_SHIFT_LEFT, to=register, number=bits)

    def load(self, register: int, base: int, offset: int, size: int = 8) -> Self:
        """Read *size* bytes at the address in *base* plus *offset*."""
        return self._op(_LOAD[size], to=register, by=base, offset=offset)

    def store(self, base: int, offset: int, register: int, size: int = 8) -> Self:
        """Write *size* bytes of *register* to the address in *base* plus *offset*."""
        return self._op(_STORE[size], to=base, by=register, offset=offset)

    def store_number(self, base: int, offset: int, number: int, size: int = 8) -> Self:
        """Write *number* in *size* bytes to the address in *base* plus *offset*."""
        return self._op(_STORE_NUMBER[size], to=base, offset=offset, number=number)

    def jump(self, code: int, label: str, left: int = 0, *, right: int = 0, number: int = 0) -> Self:
        """Go on at *label*, if *left* compares with *right* or *number* as *code* says."""
        self._jumps.append((len(self._code), label))
        return self._op(code, to=left, by=right, number=number)

    def call(self, name: str) -> Self:
        """Call the runtime's function *name*."""
        self._calls.append((len(self._code), name))
        return self._op(_CALL, by=1, number=_TO_BE_RELOCATED)

    def exit(self) -> Self:
        """Return; what is in R0 is the program's error, 0 for none."""
        return self._op(_EXIT)

    def elf(self) -> bytes:
        """Return the program as an ELF file, to be deployed as it is."""
        return _elf(self._text(), self._calls)

    def _op(self, code: int, *, to: int = 0, by: int = 0, offset: int = 0, number: int = 0) -> Self:
        self._code.append((code, to, by, offset, number))
        return self

    def _text(self) -> bytes:
        code = list(self._code)
        for at, label in self._jumps:
            operation, to, by, _, number = code[at]
            code[at] = (operation, to, by, self._labels[label] - at - 1, number)
        return b"".join(
            struct.pack("<BBhi", operation, by << 4 | to, offset, number) for operation, to, by, offset, number in code
        )


_FILE_HEADER_BYTES, _PROGRAM_HEADER_BYTES, _SECTION_HEADER_BYTES = 64, 56, 64
_SHARED_OBJECT, _MACHINE_SBPF = 3, 247
_LOADED, _DYNAMIC = 1, 2
_READ, _READ_AND_EXECUTE, _PAGE = 4, 5, 0x1000
_CALL_RELOCATION = 10
_GLOBAL_FUNCTION = 0x10
# Section types, and the tags of the dynamic section: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
_PROGBITS, _STRTAB, _DYNAMIC_SECTION, _REL, _DYNSYM = 1, 3, 6, 9, 11
_TAG_STRTAB, _TAG_SYMTAB, _TAG_STRSZ, _TAG_SYMENT, _TAG_REL, _TAG_RELSZ, _TAG_RELENT = 5, 6, 10, 11, 17, 18, 19
_SYMBOL_BYTES, _RELOCATION_BYTES, _TAG_BYTES = 24, 16, 16
_ALLOCATED, _ALLOCATED_AND_EXECUTABLE = 2, 6
_TAGS = 8


def _elf(text: bytes, calls: list[tuple[int, str]]) -> bytes:
    """Lay out: headers, text, dynamic section, symbols, their names, relocations, names of sections, section table.

    Addresses equal file offsets, so that nothing but the calls needs relocation.
    """
    names = sorted({name for _, name in calls})
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    strings += bytes(-len(strings) % 8)
    text_at = _FILE_HEADER_BYTES + 3 * _PROGRAM_HEADER_BYTES
    dynamic_at = text_at + len(text)
    symbols_at = dynamic_at + _TAGS * _TAG_BYTES
    strings_at = symbols_at + (len(names) + 1) * _SYMBOL_BYTES
    relocations_at = strings_at + len(strings)
    tags = {
        _TAG_REL: relocations_at,
        _TAG_RELSZ: len(calls) * _RELOCATION_BYTES,
        _TAG_RELENT: _RELOCATION_BYTES,
        _TAG_SYMTAB: symbols_at,
        _TAG_SYMENT: _SYMBOL_BYTES,
        _TAG_STRTAB: strings_at,
        _TAG_STRSZ: len(strings),
    }
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags.items()) + bytes(_TAG_BYTES)
    symbols = bytes(_SYMBOL_BYTES) + b"".join(
        struct.pack("<IBBHQQ", strings.index(name.encode() + b"\0"), _GLOBAL_FUNCTION, 0, 0, 0, 0) for name in names
    )
    relocations = b"".join(
        struct.pack("<QQ", text_at + index * _INSTRUCTION_BYTES, names.index(name) + 1 << 32 | _CALL_RELOCATION)
        for index, name in calls
    )
    sections = [
        (b".text", _PROGBITS, _ALLOCATED_AND_EXECUTABLE, text_at, text, 0),
        (b".dynamic", _DYNAMIC_SECTION, _ALLOCATED, dynamic_at, dynamic, _TAG_BYTES),
        (b".dynsym", _DYNSYM, _ALLOCATED, symbols_at, symbols, _SYMBOL_BYTES),
        (b".dynstr", _STRTAB, _ALLOCATED, strings_at, strings, 0),
        (b".rel.dyn", _REL, _ALLOCATED, relocations_at, relocations, _RELOCATION_BYTES),
    ]
    section_names = b"\0" + b"".join(name + b"\0" for name, *_ in sections) + b".shstrtab\0"
    names_at = relocations_at + len(relocations)
    padding = bytes(-(names_at + len(section_names)) % 8)
    table_at = names_at + len(section_names) + len(padding)
    sections.append((b".shstrtab", _STRTAB, 0, names_at, section_names, 0))
    table = bytes(_SECTION_HEADER_BYTES) + b"".join(
        struct.pack(
            "<IIQQQQIIQQ",
            section_names.index(name + b"\0"),
            kind,
            flags,
            at if flags else 0,
            at,
            len(content),
            0,
            0,
            1,
            entry,
        )
        for name, kind, flags, at, content, entry in sections
    )
    file_header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH",
        _SHARED_OBJECT,
        _MACHINE_SBPF,
        1,
        text_at,
        _FILE_HEADER_BYTES,
        table_at,
        0,
        _FILE_HEADER_BYTES,
        _PROGRAM_HEADER_BYTES,
        3,
        _SECTION_HEADER_BYTES,
        len(sections) + 1,
        len(sections),
    )
    program_headers = b"".join(
        struct.pack("<IIQQQQQQ", kind, flags, at, at, at, size, size, _PAGE)
        for kind, flags, at, size in (
            (_LOADED, _READ_AND_EXECUTE, text_at, len(text)),
            (_LOADED, _READ, dynamic_at, names_at - dynamic_at),
            (_DYNAMIC, _READ, dynamic_at, len(dynamic)),
        )
    )
    contents = b"".join(content for _, _, _, _, content, _ in sections)
    return file_header + program_headers + contents + padding + table
