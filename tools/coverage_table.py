"""Sums up what gcov says of every object below a build folder: python3 tools/coverage_table.py BUILD"""
import collections
import concurrent.futures
import json
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
root = pathlib.Path(__file__).resolve().parent.parent


def lines_of(note):
    """(file, line, count) of one object; an object that no test ran has no counts, and all its lines count as not reached."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", str(note)], capture_output=True, cwd=build)
    found = []
    for text in done.stdout.splitlines():
        if not text.startswith(b"{"):
            continue
        for file in json.loads(text)["files"]:
            path = pathlib.Path(file["file"])
            path = path if path.is_absolute() else (build / path)
            found += [(str(path.resolve()), line["line_number"], line["count"]) for line in file["lines"]]
    return found


reached = collections.defaultdict(dict)
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for found in pool.map(lines_of, sorted(build.rglob("*.gcno"))):
        for file, line, count in found:
            reached[file][line] = reached[file].get(line, 0) + count

folders, files = collections.defaultdict(lambda: [0, 0]), []
for file, lines in reached.items():
    path = pathlib.Path(file)
    if root not in path.parents or build in path.parents or path.relative_to(root).parts[0] in ("tests", "build", "bench"):
        continue
    name = str(path.relative_to(root))
    hit = sum(count > 0 for count in lines.values())
    files.append((hit / len(lines), hit, len(lines), name))
    for folder in (name.split("/")[0], "all"):
        folders[folder][0] += hit
        folders[folder][1] += len(lines)
if not files:
    sys.exit("error: no counters below " + str(build))
for folder, (hit, lines) in sorted(folders.items(), key=lambda item: (item[0] == "all", item[0])):
    print(f"{folder:<10} {100 * hit / lines:5.1f} %  {hit} of {lines} lines")
print("\nleast reached, of files with 10 lines or more:")
for share, hit, lines, name in sorted(f for f in files if f[2] >= 10)[:25]:
    print(f"{100 * share:5.1f} %  {hit:>4} of {lines:<4} {name}")
