"""How does everything run in one terminal? A private store and its children under one supervisor."""

from onebeat.embedded.binary import Binary, find_binary
from onebeat.embedded.child import ChildSpec
from onebeat.embedded.store_process import StoreProcess
from onebeat.embedded.up import run_up

__all__ = ["Binary", "ChildSpec", "StoreProcess", "find_binary", "run_up"]
