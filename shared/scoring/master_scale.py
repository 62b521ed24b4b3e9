"""The bounds between risk levels and between the ten grades of the master scale, in default probability.

Standard library only, so that the api function can import it without NumPy. A bound belongs to the worse side: a
default probability of exactly 1 % is MEDIUM.
"""

from typing import Final

RISK_LEVELS: Final = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
LEVEL_BOUNDS: Final = (0.01, 0.03, 0.10)

# Best to worst; two digits, so that the names sort as the grades do.
RISK_GRADES: Final = ("R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09", "R10")

# About a factor of two between neighbours, and every bound between levels is one between grades too, so that a grade
# never straddles two levels. The ends are set where each of the three models still has rows.
GRADE_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.0175, 0.03, 0.055, 0.10)
