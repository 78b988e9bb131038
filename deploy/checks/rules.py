"""Rules by their names: each is a function from a graph to what is wrong with it, a line each."""

from collections.abc import Callable, Iterator

from checks.graph import Graph

Policy = Callable[[Graph], Iterator[str]]


class Rules(dict[str, Policy]):
    """Those of one program."""

    def add(self, function: Policy) -> Policy:
        """Add one, under its name."""
        self[function.__name__] = function  # ty: ignore[missing-attribute]
        return function

    def findings(self, graph: Graph) -> list[str]:
        """What is wrong, by all of them."""
        return [f"{name}: {finding}" for name, check in self.items() for finding in check(graph)]
