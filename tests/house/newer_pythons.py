"""What newer Pythons remove, deprecate or warn of, looked for in the code itself, without running it.

Sources: "What's New In Python" 3.12, 3.13 and 3.14, sections Removed, Deprecated and "Porting to".
"""

import ast
import warnings

REMOVED_MODULES = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap"), "3.13"),
    **dict.fromkeys(("msilib", "nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau"), "3.13"),
    **dict.fromkeys(("telnetlib", "uu", "xdrlib"), "3.13"),
}
# Attributes by their full name where the module is imported by its own name or by `from`.
GONE = {
    "datetime.datetime.utcnow": "deprecated in 3.12",
    "datetime.datetime.utcfromtimestamp": "deprecated in 3.12",
    "pkgutil.find_loader": "removed in 3.14",
    "pkgutil.get_loader": "removed in 3.14",
    "pkgutil.ImpImporter": "removed in 3.12",
    "locale.getdefaultlocale": "deprecated in 3.11",
    "locale.resetlocale": "removed in 3.13",
    "logging.warn": "deprecated in 3.13",
    "codecs.open": "deprecated in 3.14",
    "asyncio.get_event_loop_policy": "deprecated in 3.14",
    "asyncio.set_event_loop_policy": "deprecated in 3.14",
    "asyncio.iscoroutinefunction": "deprecated in 3.14",
    "unittest.makeSuite": "removed in 3.13",
    "typing.ByteString": "deprecated in 3.12",
    "collections.abc.ByteString": "deprecated in 3.12",
    "typing.no_type_check_decorator": "deprecated in 3.13",
    "typing.AnyStr": "deprecated in 3.13",
    "ssl.wrap_socket": "removed in 3.12",
    "importlib.resources.contents": "removed in 3.13",
    "importlib.abc.Traversable": "removed in 3.14",
    "importlib.abc.ResourceReader": "removed in 3.14",
    "sys.setcheckinterval": "removed in 3.9",
    "os.popen2": "removed in 3.0",
    "ast.Num": "removed in 3.14",
    "ast.Str": "removed in 3.14",
    "ast.Bytes": "removed in 3.14",
    "ast.NameConstant": "removed in 3.14",
    "ast.Ellipsis": "removed in 3.14",
    "sqlite3.version": "removed in 3.14",
    "tempfile.mktemp": "deprecated",
    "configparser.SafeConfigParser": "removed in 3.12",
    "multiprocessing.set_start_method": "global; the default changes in 3.14: use get_context",
}
CONTEXT_FREE = {"Process", "Pool", "Queue", "Manager", "Lock", "Event", "Value", "Array", "Pipe"}
# Keywords of calls, by the last part of the call's name.
KEYWORDS = {("rmtree", "onerror"): "deprecated in 3.12: onexc"}
POSITIONAL = {"re.sub": 3, "re.subn": 3, "re.split": 2}  # more are deprecated in 3.13


class Reader(ast.NodeVisitor):
    """Visitor that collects ``line: reason`` in `faults`."""

    def __init__(self):
        self.names, self.faults = {}, []

    def fault(self, node, reason):
        self.faults.append(f"{node.lineno}: {reason}")

    def imported(self, node, module, name=None):
        top = module.split(".")[0]
        if top in REMOVED_MODULES:
            self.fault(node, f"module {top} is removed in {REMOVED_MODULES[top]}")
        full = f"{module}.{name}" if name else module
        if full in GONE:
            self.fault(node, f"{full}: {GONE[full]}")

    def visit_Import(self, node):
        for alias in node.names:
            self.imported(node, alias.name)
            self.names[alias.asname or alias.name.split(".")[0]] = (
                alias.name if alias.asname else alias.name.split(".")[0]
            )

    def visit_ImportFrom(self, node):
        if node.level == 0 and node.module:
            for alias in node.names:
                self.imported(node, node.module, alias.name)
                self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def full_name(self, node):
        """Return the dotted name of an attribute of an import, "" of anything else."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in self.names:
            return ".".join([self.names[node.id], *reversed(parts)])
        return ""

    def visit_Attribute(self, node):
        full = self.full_name(node)
        if full in GONE:
            self.fault(node, f"{full}: {GONE[full]}")
        self.generic_visit(node)

    def visit_Call(self, node):
        full = self.full_name(node.func)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for keyword in node.keywords:
            if (last, keyword.arg) in KEYWORDS:
                self.fault(node, f"{last}({keyword.arg}=): {KEYWORDS[last, keyword.arg]}")
        if len(node.args) > POSITIONAL.get(full, len(node.args)):
            self.fault(node, f"{full}: count, maxsplit and flags by position are deprecated in 3.13")
        if last in ("extractall", "extract") and "filter" not in {one.arg for one in node.keywords}:
            self.fault(node, "tarfile: no filter= is deprecated in 3.12")
        if last == "getbuffer":
            self.fault(node, "a view of a buffer that may be gone (a crash in 3.12): getvalue()")
        if full.startswith("multiprocessing.") and full.rpartition(".")[2] in CONTEXT_FREE:
            self.fault(node, f"{full}: starts by fork before 3.14, by forkserver from then on: get_context('spawn')")
        if full == "concurrent.futures.ProcessPoolExecutor" and "mp_context" not in {one.arg for one in node.keywords}:
            self.fault(node, f"{full}: starts by fork before 3.14: mp_context=")
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        truth = isinstance(node.operand, ast.Compare | ast.BoolOp) or (
            isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, bool)
        )
        # A comparison of arrays is no bool, but whether it is one cannot be seen here: np.logical_not is as short.
        if isinstance(node.op, ast.Invert) and truth and isinstance(node.operand, ast.Constant | ast.BoolOp):
            self.fault(node, "~ of a bool is deprecated in 3.12: not")
        self.generic_visit(node)

    def visit_Try(self, node):
        for statement in node.finalbody:
            self.leaves(statement, in_loop=False)
        self.generic_visit(node)

    visit_TryStar = visit_Try

    def leaves(self, node, in_loop):
        """Find what leaves a ``finally`` block and so swallows the error on its way."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
            self.fault(node, "return, break or continue in finally: a SyntaxWarning in 3.14")
        for child in ast.iter_child_nodes(node):
            self.leaves(child, in_loop or isinstance(node, ast.For | ast.While | ast.AsyncFor))


def faults(text):
    """Return what is wrong with a module's text, as ``line: reason``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tree = ast.parse(text)
        compile(tree, "text", "exec")
    reader = Reader()
    reader.visit(tree)
    return [*(f"{one.lineno}: {one.message}" for one in caught), *reader.faults]
