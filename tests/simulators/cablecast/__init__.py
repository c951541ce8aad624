"""A Cablecast server of our own: strict, deterministic, and able to go wrong in every way a real one might.

`Simulator` runs it as a process. It imports nothing of the product, so that a shared bug cannot pass. See README.md.
"""

from tests.simulators.cablecast.process import Control, NotDone, Simulator, Violation

__all__ = ["Control", "NotDone", "Simulator", "Violation"]
