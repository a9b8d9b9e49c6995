"""What the opening process gives up before it reads the first byte of a file.

Two things, both for any account and without privileges:

- limits of the kernel (setrlimit(2)) on memory, processor time and file size;
- a filter of system calls (seccomp(2), mode filter). What is left is memory, the time, threads, and
  reading and writing what is already open, which is two pipes. No file can be opened (so neither the
  database nor the key), no socket made, no program started, no other process seen or signalled, no
  memory made executable. A decoder that an attacker took over can still give back a bad picture.

A list of what is allowed, not of what is forbidden: a system call that Linux adds is forbidden. What
is forbidden fails with EPERM, which a library reports as any other error.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
from typing import NamedTuple


class Unconfined(Exception):
    """The process could not be shut in; it must not open anything."""


class Machine(NamedTuple):
    """A processor's number for the kernel, and its numbers of the allowed calls."""

    audit: int
    allowed: tuple[int, ...]
    mmap: int
    mprotect: int
    clone: int
    clone3: int


# read write close fstat lseek munmap brk rt_sigaction rt_sigprocmask rt_sigreturn mremap madvise
# getpid gettid futex sched_yield sched_getaffinity nanosleep clock_nanosleep clock_gettime
# gettimeofday exit exit_group getrandom set_robust_list rseq sigaltstack getrusage sysinfo
# restart_syscall; in this order in both.
MACHINES = {
    "x86_64": Machine(
        audit=0xC000003E,
        allowed=(
            0, 1, 3, 5, 8, 11, 12, 13, 14, 15, 25, 28, 39, 186, 202, 24, 204, 35, 230, 228, 96, 60,
            231, 318, 273, 334, 131, 98, 99, 219,
        ),
        mmap=9, mprotect=10, clone=56, clone3=435,
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        allowed=(
            63, 64, 57, 80, 62, 215, 214, 134, 135, 139, 216, 233, 172, 178, 98, 124, 123, 101, 115,
            113, 169, 93, 94, 278, 99, 293, 132, 165, 179, 128,
        ),
        mmap=222, mprotect=226, clone=220, clone3=435,
    ),
}  # fmt: skip

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JSET|K, RET|K
AT_LEAST = 0x35  # JMP|JGE|K
NUMBER, ARCH, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, KILL = 0x7FFF0000, 0x80000000
NOT_PERMITTED, NOT_THERE = 0x00050000 | 1, 0x00050000 | 38  # SECCOMP_RET_ERRNO with EPERM, ENOSYS
X32 = 0x40000000
PROT_EXEC, CLONE_THREAD = 0x4, 0x10000

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 22, 4, 38
SECCOMP_MODE_FILTER = 2


def _filter(machine: Machine) -> bytes:
    """The program that the kernel asks before each system call (struct sock_filter each)."""

    def line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    program = [
        line(LOAD, ARCH),
        line(EQUAL, machine.audit, yes=1),
        line(RETURN, KILL),
        line(LOAD, NUMBER),
        line(AT_LEAST, X32, no=1),
        line(RETURN, NOT_PERMITTED),
    ]
    for number in machine.allowed:
        program += [line(EQUAL, number, no=1), line(RETURN, ALLOW)]
    for number, argument, bits, if_set, if_not in (
        (machine.mmap, 2, PROT_EXEC, NOT_PERMITTED, ALLOW),
        (machine.mprotect, 2, PROT_EXEC, NOT_PERMITTED, ALLOW),
        (machine.clone, 0, CLONE_THREAD, ALLOW, NOT_PERMITTED),
    ):
        program += [
            line(EQUAL, number, no=4),
            line(LOAD, ARGUMENTS + 8 * argument),
            line(ANY_BIT, bits, no=1),
            line(RETURN, if_set),
            line(RETURN, if_not),
        ]
    # The arguments of clone3 lie in memory, where a filter cannot look. The C library then takes clone.
    program += [line(EQUAL, machine.clone3, no=1), line(RETURN, NOT_THERE)]
    return b"".join([*program, line(RETURN, NOT_PERMITTED)])


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _prctl(option: int, value: int, pointer: ctypes.c_void_p | None = None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if library.prctl(option, ctypes.c_ulong(value), pointer or zero, zero, zero) != 0:
        raise Unconfined(os.strerror(ctypes.get_errno()))


def limit(memory: int, seconds: int) -> None:
    """Limits of the kernel; before anything is loaded. Raises `Unconfined`."""
    try:
        os.nice(10)
        # When the machine runs out of memory, this goes first, not the bot.
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            score.write("1000")
    except OSError:
        pass  # not everywhere, and nothing that holds a file back
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with whoever started it
    _prctl(PR_SET_DUMPABLE, 0)  # its memory is in no core dump
    try:
        for which, most in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, 16),
        ):
            resource.setrlimit(which, (most, most))
    except (OSError, ValueError) as error:
        raise Unconfined(str(error)) from error


def shut_in() -> None:
    """The filter; after everything is loaded, for nothing can be loaded later. Raises `Unconfined`."""
    machine = MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        raise Unconfined("no list of system calls for this processor")
    program = _filter(machine)
    held = _Program(len(program) // 8, program)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.cast(ctypes.pointer(held), ctypes.c_void_p))
