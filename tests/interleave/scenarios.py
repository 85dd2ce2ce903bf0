"""Which scenarios are there, and which share of the histories has each?"""

from __future__ import annotations

from tests.interleave.crowding import Crowding
from tests.interleave.effects import Effects
from tests.interleave.emission import Emission
from tests.interleave.flowing import Flowing
from tests.interleave.killing import Killing
from tests.interleave.locking import Locking
from tests.interleave.once import Once
from tests.interleave.operating import Operating
from tests.interleave.pacing import Pacing
from tests.interleave.parking import Parking
from tests.interleave.programming import Programming
from tests.interleave.queueing import Queueing
from tests.interleave.results import Results
from tests.interleave.scenario import Scenario
from tests.interleave.several import Several
from tests.interleave.sharing import Sharing
from tests.interleave.voting import Voting

SCENARIOS: dict[str, type[Scenario]] = {
    one.name: one
    for one in (
        Emission,
        Programming,
        Locking,
        Sharing,
        Several,
        Voting,
        Queueing,
        Once,
        Parking,
        Results,
        Crowding,
        Pacing,
        Flowing,
        Killing,
        Operating,
        Effects,
    )
}
SHARES = {
    "emission": 0.2,
    "programs": 0.05,
    "locks": 0.1,
    "shares": 0.1,
    "several": 0.05,
    "quorum": 0.05,
    "queue": 0.05,
    "once": 0.03,
    "flows": 0.04,
    "parking": 0.03,
    "results": 0.05,
    "slots": 0.03,
    "rates": 0.02,
    "kills": 0.05,
    "operators": 0.05,
    "effects": 0.1,
}
