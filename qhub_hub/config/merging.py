"""Several values files as one, merged as Helm merges them.

Helm does it in two steps that differ in what a null means. First the `-f` files: maps merge, anything else replaces,
and null is a value like any other. Then the result is laid over the chart's own values: there a null deletes.
Source: helm.sh/helm/v3 v3.22.0, pkg/cli/values/options.go and pkg/chartutil/coalesce.go; `tests/parity` runs them.
"""

from qhub_hub.config.tree import Tree


def merge(base: Tree, over: Tree) -> Tree:
    """A later `-f` file over an earlier one; every leaf keeps the place it comes from."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    entries = dict(base.value)
    for key, child in over.value.items():
        entries[key] = merge(entries[key], child) if key in entries else child
    return Tree(entries, over.position, base.keys | over.keys)


def over_defaults(defaults: Tree, chosen: Tree) -> Tree:
    """The merged files over the chart's own values: what the chart does not know stays, even a null."""
    if not isinstance(defaults.value, dict) or not isinstance(chosen.value, dict):
        return chosen
    entries = {key: child for key, child in defaults.value.items() if key not in chosen.value}
    for key, child in chosen.value.items():
        default = defaults.value.get(key)
        if default is None:
            entries[key] = child
        elif child.value is not None:
            entries[key] = over_defaults(default, child)
    return Tree(entries, chosen.position, defaults.keys | chosen.keys)
