"""placeholder."""
from dataclasses import dataclass
@dataclass(frozen=True)
class Screening:
    buckets: int = 2048
    candidates: int = 16
