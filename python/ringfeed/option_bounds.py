"""The least and the largest value of each argument that has bounds. Made of options.toml by tools/options.py."""

BOUNDS = {
    "seed": (0, 18446744073709551615),
    "chunk_bytes": (4096, 8388608),
    "spill_bytes": (1048576, 18446744073709551615),
    "block_bytes": (4096, 67108864),
    "memory_bytes": (1048576, 68719476736),
    "batch_size": (1, 18446744073709551615),
    "lanes": (1, 65536),
    "window": (1, 1024),
    "read_threads": (1, 256),
    "assemble_threads": (1, 256),
    "decode_threads": (0, 256),
    "connect_timeout_ms": (1, 3600000),
    "request_timeout_ms": (1, 3600000),
    "connections_per_host": (1, 64),
}
