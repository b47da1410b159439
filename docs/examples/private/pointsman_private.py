"""A policy: keys tagged `private` are served by providers of our own network only."""

from pointsman import hookimpl

POINTSMAN_API = 1
OURS = ("vllm", "ollama", "llama-cpp", "echo")


@hookimpl
def rank_candidates(exchange, candidates):
    if "private" not in exchange.actor.tags:
        return None
    kept = [each for each in candidates if each.endpoint.provider.kind in OURS]
    for dropped in candidates:
        if dropped not in kept:
            exchange.exclude(dropped, by="private", why="the key is tagged private")
    return kept
