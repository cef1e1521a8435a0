import math


def number(value: float | None) -> float:
    """JSON knows neither NaN nor infinity, and a score may be either."""
    return float(value) if value is not None and math.isfinite(value) else 0.0
