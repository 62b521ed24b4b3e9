"""How a function that works on arrays of megabytes is told to keep the memory it freed.

glibc gives large blocks back to the kernel as soon as they are free, and every page of the next one is a fault again:
8,000 of them for a chunk of 20,000 rows, a fifth of the time that scoring takes. Kept, a warm function uses the same
pages for every chunk, and holds no more than it needed at once.
https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html
"""

from typing import Final

KEEP_FREED_MEMORY: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that every version takes
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
