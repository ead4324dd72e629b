"""A template's syntax tree: what it speaks of, whose words it prints, and where it must be bounded."""

from collections.abc import Iterator

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

# Templates cannot spell these filters' names: only the changes below use them.
TRUST, COUNT, JOIN = "lanectl trust", "lanectl count", "lanectl join"


def guarded(tree: nodes.Template) -> nodes.Template:
    """The tree with loops counted, `~` bounded, and what only the user and the recipe wrote left unfenced."""
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = _filter(loop.iter, COUNT)
    for output in list(tree.find_all(nodes.Output)):
        output.nodes = [
            _filter(node, TRUST) if not isinstance(node, nodes.TemplateData) and is_trusted(node) else node
            for node in output.nodes
        ]
    _Joins().visit(tree)
    return tree


def is_trusted(node: nodes.Node | None) -> bool:
    """Whether all that the expression can print was written by the recipe or the user."""
    if isinstance(node, nodes.Const):
        return True
    if isinstance(node, nodes.Name):
        return node.name == "today"
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        owner, attribute = node.node.name, attribute_of(node)
        return owner == "vars" or (owner == "repo" and attribute == "name")
    if isinstance(node, nodes.CondExpr):
        return is_trusted(node.expr1) and is_trusted(node.expr2)
    if isinstance(node, nodes.Concat):
        return all(is_trusted(part) for part in node.nodes)
    if isinstance(node, nodes.Filter):
        given = [node.node, *node.args, *(keyword.value for keyword in node.kwargs)]
        return all(map(is_trusted, given)) and node.dyn_args is None and node.dyn_kwargs is None
    return False


def attribute_of(node: nodes.Getattr | nodes.Getitem) -> str | None:
    """The name that is asked for, None where it is computed."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def spoken_of(tree: nodes.Node, name: str) -> Iterator[tuple[str, int]]:
    """Every `name.X` and `name["X"]` below `tree`: X and its line."""
    for node in _members(tree):
        if isinstance(node.node, nodes.Name) and node.node.name == name:
            attribute = attribute_of(node)
            if attribute is not None:
                yield attribute, node.lineno


def assigned(tree: nodes.Template) -> set[str]:
    """Names that the template itself gives a value."""
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    return names | {node.name for node in tree.find_all(nodes.Macro)}


def borrowed(tree: nodes.Template) -> int | None:
    """The line of the first statement that wants another template, None where there is none."""
    kinds = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    found = next(iter(tree.find_all(kinds)), None)
    return found.lineno if found is not None else None


def loops_over(tree: nodes.Template, name: str) -> Iterator[tuple[str, str, nodes.For]]:
    """Every `for ELEMENT in name.FIELD`: the element's name, the field, and the loop."""
    for loop in tree.find_all(nodes.For):
        over = loop.iter
        if not isinstance(loop.target, nodes.Name) or not isinstance(over, nodes.Getattr | nodes.Getitem):
            continue
        field = attribute_of(over)
        if isinstance(over.node, nodes.Name) and over.node.name == name and field is not None:
            yield loop.target.name, field, loop


def _members(tree: nodes.Node) -> Iterator[nodes.Getattr | nodes.Getitem]:
    yield from tree.find_all(nodes.Getattr)
    yield from tree.find_all(nodes.Getitem)


def _filter(node: nodes.Node, name: str) -> nodes.Filter:
    made = nodes.Filter(node, name, [], [], None, None)
    made.lineno = node.lineno
    return made


class _Joins(NodeTransformer):
    """`~` as a filter, since jinja2 lets nobody measure the operator."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 -- named after the node, as jinja2 wants
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes).set_lineno(node.lineno), JOIN)
