"""Evaluation: what a way of routing is worth on questions whose answers are known."""
