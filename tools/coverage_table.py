"""Sums up, by folder, the lines that were reached: llvm-cov export -summary-only ... | python3 tools/coverage_table.py"""
import collections
import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
folders, files = collections.defaultdict(lambda: [0, 0]), []
for file in json.load(sys.stdin)["data"][0]["files"]:
    path = pathlib.Path(file["filename"]).resolve()
    name, lines = path.relative_to(root) if root in path.parents else None, file["summary"]["lines"]
    if name is None or name.parts[0] in ("tests", "bench", "build"):
        continue
    files.append((lines["percent"], lines["covered"], lines["count"], name))
    for folder in (name.parts[0], "all"):
        folders[folder][0] += lines["covered"]
        folders[folder][1] += lines["count"]
if not files:
    sys.exit(f"error: nothing is counted of what lies below {root}")
for folder, (covered, count) in sorted(folders.items(), key=lambda item: (item[0] == "all", item[0])):
    print(f"{folder:<10} {100 * covered / count:5.1f} %  {covered} of {count} lines")
print("\nleast reached, of files with 10 lines or more:")
for percent, covered, count, name in sorted(f for f in files if f[2] >= 10)[:25]:
    print(f"{percent:5.1f} %  {covered:>4} of {count:<4} {name}")
