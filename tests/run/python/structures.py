"""The structures that the package hands to the library lie as espalier.h says: argument 1 is the header's folder."""
import re
import subprocess
import sys
from ctypes import sizeof

from espalier import _library as ours

NAMES = {"espalier_options": ours.Options, "espalier_strides": ours.Strides, "espalier_particles": ours.Particles,
         "espalier_targets": ours.Targets, "espalier_sums": ours.Sums, "espalier_setting": ours.Setting,
         "espalier_rows": ours.Rows, "espalier_step": ours.Step}

lines = ["#include <espalier.h>", "#include <stdio.h>", "int main(void) {"]
expected = []
for name, struct in NAMES.items():
    lines.append(f'  printf("{name} %zu\\n", sizeof({name}));')
    expected.append(f"{name} {sizeof(struct)}")
    for field, _ in struct._fields_:
        lines.append(f'  printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));')
        place = getattr(struct, field)
        expected.append(f"{name}.{field} {place.offset} {place.size}")
with open("structures.c", "w") as file:
    file.write("\n".join(lines + ["  return 0;", "}", ""]))
subprocess.run(["mpicc", f"-I{sys.argv[1]}", "structures.c", "-o", "structures"], check=True)
found = subprocess.run(["./structures"], check=True, capture_output=True, text=True).stdout.splitlines()
assert found == expected, [pair for pair in zip(found, expected) if pair[0] != pair[1]]

# Every function of the header that the package calls takes as many arguments as it is given.
header = re.sub(r"/\*.*?\*/", "", open(f"{sys.argv[1]}/espalier.h").read(), flags=re.DOTALL)
for name, arguments in ours._FUNCTIONS.items():
    declared = re.search(rf"\b{name}\(([^;]*)\);", header).group(1)
    declared = re.sub(r"\([^()]*\)", "", declared)
    assert len(declared.split(",")) == len(arguments), (name, declared)
