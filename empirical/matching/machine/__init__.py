"""The machine below the matching: processors, disks and processes.

| chapter | subject |
|---|---|
| `reading` | blocks and parts of the positions, read side by side |
| `arrays` | NumPy's arrays on the CPU, torch's elsewhere |
| `kernels` | fused passes over memory on the CPU |
| `vectors`, `simd`, `loops` | vector operations in them, and the same in plain loops |
| `small`, `plain` | small matchings: one thread, the kernels in NumPy |
| `precision` | types in which blocks are multiplied |
| `checkpoint` | files of unfinished work |
| `distributed` | many processes, one result |
| `choice` | the faster engine, and the faster library of products, on this machine |
"""
