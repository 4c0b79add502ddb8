# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the sudo of this host whether rendered rules mean what they were to mean: ``judge_sudoers.py SAMPLES.json``.

The samples come from tests/unit/plugins/module_utils/_belongings/sudo_samples.py. Each fragment is checked by visudo,
read by cvtsudoers and compared with the rules as they were given, and put where sudo reads it; then its users try.
Runs as root, on a host of a test only: it makes users, groups and files, and takes them away again. Prints how much was
asked and every disagreement, and fails if there is one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

PROGRAMS = "/opt/labfleet-judge"
FILE = PROGRAMS + "/file"
SUDOERS = "/etc/sudoers.d"
FRAGMENT = "/run/labfleet-judge.sudoers"
USERS = ("judged", "judge.other")
GROUPS = ("judge.s", "judge-nobody")
MEMBERS = {"judge.s": "judged"}
DOTTED = "labfleet-user-judge.d"  # a name that sudo skips
BY_LIST = ("character ", "path ", "random ", "quotes ", "words ", "tags ", "no")
TAGS = (("nopasswd", "authenticate", True), ("noexec", "noexec", False), ("setenv", "setenv", False))


def run(*words):
    """Return code and all output of a program."""
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def must(*words):
    code, output = run(*words)
    if code != 0:
        raise SystemExit("%s: %s" % (" ".join(words), output))


def prepare(samples):
    """People, and a harmless program for every path that is asked for."""
    remove(samples)
    for group in GROUPS:
        if run("groupadd", group)[0] != 0:  # newer ones want no dots in names, and older hosts have them
            with open("/etc/group", "a", encoding="ascii") as file:
                file.write("%s:x:%d:\n" % (group, 59990 + GROUPS.index(group)))
    for user in USERS:
        must("useradd", "--badname", "--no-create-home", "--shell", "/bin/sh", user)
    for group, user in MEMBERS.items():
        must("gpasswd", "--add", user, group)
    os.mkdir(PROGRAMS)
    paths = {word for sample in samples for question in sample["questions"] for word in question["words"][:1]}
    for path in paths:
        if path.startswith(PROGRAMS + "/"):
            shutil.copyfile("/bin/true", path)
            os.chmod(path, 0o755)
    with open(FILE, "w", encoding="ascii") as file:
        file.write("to be edited\n")


def remove(samples):
    """All that was made here."""
    for user in USERS:
        run("userdel", user)
    for group in GROUPS:
        run("groupdel", group)
    shutil.rmtree(PROGRAMS, ignore_errors=True)
    for path in {FRAGMENT, *(os.path.join(SUDOERS, name) for name in [DOTTED, *(s["file_name"] for s in samples)])}:
        if os.path.exists(path):
            os.unlink(path)


def put(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o440)


def given(rule):
    """A rule as cvtsudoers is to read it, from what was given and not from what was rendered."""
    groups = rule.get("runas_groups") or []
    users = rule.get("runas") or ([] if groups else ["root"])
    commands = []
    for command in [rule["commands"]] if rule["commands"] == "ALL" else rule["commands"]:
        if isinstance(command, str):
            commands.append(" ".join(command.split()))
            continue
        words = list(command)
        if not rule.get("wildcards"):
            words[1:] = [word.replace("\\", "\\\\").replace("]", "\\]") for word in words[1:]]
        commands.append(" ".join(words if len(words) > 1 else [*words, '""']))
    tags = {theirs: rule[ours] != swapped for ours, theirs, swapped in TAGS if rule.get(ours) is not None}
    if rule["commands"] == "ALL":
        tags.setdefault("setenv", True)  # sudoers(5): ALL implies it
    return {
        "users": [users] if isinstance(users, str) else list(users),
        "groups": [groups] if isinstance(groups, str) else list(groups),
        "tags": tags,
        "commands": list(dict.fromkeys(commands)),
    }


def read(specification):
    """A rule as cvtsudoers read it."""
    return {
        # newer ones have a nameless user where only groups are given: it stands for whoever calls
        "users": [name for user in specification.get("runasusers", []) for name in user.values() if name],
        "groups": [name for group in specification.get("runasgroups", []) for name in group.values()],
        "tags": {name: on for option in specification.get("Options", []) for name, on in option.items()},
        "commands": [command["command"] for command in specification["Commands"]],
    }


def misread(sample):
    """What cvtsudoers reads otherwise; None when it is all the same."""
    code, output = run("cvtsudoers", "-f", "json", FRAGMENT)
    if code != 0:
        return "cvtsudoers: " + output
    document = json.loads(output)
    who = {"usergroup": sample["who"][1:]} if sample["who"].startswith("%") else {"username": sample["who"]}
    if set(document) != {"User_Specs"}:
        return "more than rules: %s" % sorted(document)
    rules = []
    for line in document["User_Specs"]:
        if line["User_List"] != [who] or line["Host_List"] != [{"hostname": "ALL"}]:
            return "for %s on %s" % (line["User_List"], line["Host_List"])
        rules.extend(read(specification) for specification in line["Cmnd_Specs"])
    expected = [given(rule) for rule in sample["rules"]]
    return None if rules == expected else "read as %s, meant was %s" % (rules, expected)


def may(question, by_doing):
    """Whether sudo lets somebody do it: by its list, which is quick, or by doing it."""
    how = []
    if question["runas"]:
        how += ["-u", question["runas"]]
    if question["group"]:
        how += ["-g", question["group"]]
    words = question["words"]
    if not by_doing:
        return run("sudo", "-l", "-U", question["user"], *how, "--", *words)[0] == 0
    words = ["-e", "--", *words[1:]] if words[0] == "sudoedit" else ["--", *words]
    command = ["runuser", "-u", question["user"], "--", "env", "EDITOR=/bin/true", "sudo", "-n", *how, *words]
    return run(*command)[0] == 0


def judged(sample):
    """Every disagreement about one sample, in words."""
    put(FRAGMENT, sample["fragment"])
    code, output = run("visudo", "-cf", FRAGMENT)
    if code != 0:
        return ["visudo: " + output]
    wrong = [text for text in [misread(sample)] if text]
    # where nothing but words differs, the list of sudo says the same; it knows too little of groups and files to edit
    by_doing = all(rule.get("nopasswd") for rule in sample["rules"]) and not sample["title"].startswith(BY_LIST)
    path = os.path.join(SUDOERS, sample["file_name"])
    put(path, sample["fragment"])
    for question in sample["questions"]:
        if may(question, by_doing) is not question["allowed"]:
            wrong.append("%s, and it is not so: %s" % ("allowed" if question["allowed"] else "refused", question))
    os.unlink(path)
    return wrong


def controls(sample):
    """This judge has to see what is wrong: a name that sudo skips, another rule, and no sudoers at all."""
    wrong = []
    if not judged(dict(sample, file_name=DOTTED)):
        wrong.append("a file name with a dot was not noticed")
    if not judged(dict(sample, fragment=sample["fragment"].replace("NOPASSWD", "PASSWD"))):
        wrong.append("another tag was not noticed")
    if not judged(dict(sample, fragment="judged may do everything\n")):
        wrong.append("what is no sudoers was not noticed")
    return wrong


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        samples = json.load(file)
    prepare(samples)
    try:
        wrong = controls(next(sample for sample in samples if sample["title"] == "text: any arguments"))
        for sample in samples:
            wrong += ["%s: %s\n%s" % (sample["title"], text, sample["fragment"]) for text in judged(sample)]
    finally:
        remove(samples)
    questions = sum(len(sample["questions"]) for sample in samples)
    print("%s: %d fragments, %d questions" % (run("sudo", "-V")[1].split("\n")[0], len(samples), questions))
    for text in wrong:
        print(text)
    print("%d disagreements" % len(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
