"""The cells of `nas-robust` as texts, a digit an edge: which of them are the same network. No TensorFlow."""

# What an edge of a cell does, by the digit that names it, and how many edges there are between four nodes.
NONE, IDENTITY, CONVOLUTION = KINDS = "012"
NODES = 4
EDGES = NODES * (NODES - 1) // 2


def live(edges):
    """The same cell without the edges that come from a node that nothing leads to: they bring nothing.

    >>> live("000212")
    '000200'
    """
    kept, reached, kinds = "", {0}, iter(edges)
    for node in range(1, NODES):
        part = "".join(kind if k in reached else NONE for k, kind in zip(range(node), kinds, strict=False))
        kept += part
        if part.strip(NONE):
            reached.add(node)
    return kept


def meaning(edges):
    """What the nodes of a cell compute, each as the terms of its sum: cells that mean the same are one network.

    >>> meaning("112202") == meaning("121022")  # an identity makes node 1 another name of node 0
    True
    """
    bring = {NONE: lambda node: (), IDENTITY: lambda node: node, CONVOLUTION: lambda node: (("convolution", node),)}
    nodes, kinds = [("x",)], iter(edges)
    for _ in range(1, NODES):
        terms = [term for node, kind in zip(tuple(nodes), kinds, strict=False) for term in bring[kind](node)]
        nodes.append(tuple(sorted(terms, key=str)))
    return tuple(sorted(nodes, key=str))
