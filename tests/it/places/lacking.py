"""Runs a program on file systems that lack something: lacking.py CALL ERRNO PROGRAM [ARG]...

The kernel answers CALL (chmod, fsync or rename, each with its siblings) with ERRNO.
"""

import ctypes, errno, os, platform, struct, sys

CALLS = {
    "x86_64": {"chmod": [90, 91, 268, 452], "fsync": [74, 75], "rename": [82, 264, 316, 86, 265]},
    "aarch64": {"chmod": [52, 53, 452], "fsync": [82, 83], "rename": [38, 276, 37]},
}[platform.machine()]
LOAD, JUMP_IF, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000

numbers = CALLS[sys.argv[1]]
program = [(LOAD, 0, 0, 0)]
program += [(JUMP_IF, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE | getattr(errno, sys.argv[2]))]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
NO_NEW_PRIVILEGES, SECCOMP = (38, 1, 0, 0, 0), (22, 2)
filter = Filter(len(program), ctypes.addressof(code))
if libc.prctl(*NO_NEW_PRIVILEGES) or libc.prctl(*SECCOMP, ctypes.byref(filter)):
    sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[3], sys.argv[3:])
