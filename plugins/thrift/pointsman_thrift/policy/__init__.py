"""Policy: which model answers a request, as cheap or as fast as the quality that may be lost allows."""

from __future__ import annotations

from .asking import rival
from .choosing import Choice, choose
from .controller import Controller, Limits
from .weighing import Ask, Mode, Objective, Offer, Policy, Weighed

__all__ = [
    "Ask",
    "Choice",
    "Controller",
    "Limits",
    "Mode",
    "Objective",
    "Offer",
    "Policy",
    "Weighed",
    "choose",
    "rival",
]
