#!/bin/sh
# Makes .venv and installs a hashed lock into it: sh tools/venv.sh run|test|dev
#
# Quiet and quick if nothing changed: a copy of each installed lock is kept (.venv/.run-installed and so on) and compared.
# Exits with 1 and a message if it cannot continue.
set -eu

lock=${1:?usage: sh tools/venv.sh run|test|dev}
venv=.venv
busy=$venv/.busy # id of the process that fills .venv; remains only if that was killed
trap 'exit 130' INT
trap 'exit 143' HUP TERM

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The version is not enough: on Debian and Ubuntu, the venv module of the system Python is incomplete.
fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}
whole() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    bare=
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python of version 3.11 or later: name another one, or leave PYTHON out."
        set -- "$PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3
    fi
    for python in "$@"; do
        fits "$python" || continue
        whole "$python" && return
        bare=${bare:-$python}
    done
    [ -z "$bare" ] || fail "$bare cannot make virtual environments (no ensurepip):" \
        "on Debian and Ubuntu run 'apt-get install $("$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')', then try again."
    fail "No Python of version 3.11 or later was found: install one, or name it, as in 'make demo PYTHON=/path/to/python3'."
}

has_pip() {
    $venv/bin/python -c 'import importlib.util as u; raise SystemExit(not u.find_spec("pip"))'
}

# Removes only what is an environment, complete or not.
remove() {
    [ ! -L $venv ] || fail "$venv is a link to a folder without a working Python: remove the link, then try again."
    [ -f $venv/pyvenv.cfg ] || [ -f $busy ] || ! ls -A $venv | grep -qvxE 'bin|include|lib|lib64|share' ||
        fail "$venv is in the way and is not a Python environment: move it elsewhere, then try again."
    printf '%s Making it again.\n' "$1"
    rm -rf $venv
}

if [ -e $venv ] || [ -L $venv ]; then
    if [ -f $busy ]; then
        owner=$(cat $busy)
        if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
            fail "Another make (process $owner) is filling $venv: wait until it is done (or, if that is no make, remove $venv), then try again."
        fi
        remove "The last installation into $venv was interrupted."
    elif ! fits $venv/bin/python; then
        remove "$venv has no working Python of version 3.11 or later."
    elif ! has_pip; then
        printf '%s has no pip: adding it.\n' $venv
        $venv/bin/python -m ensurepip >/dev/null 2>&1 || :
        has_pip || remove "That failed."
    fi
fi

stamp=$venv/.$lock-installed
wanted=requirements/$lock.txt
if [ -d $venv ] && cmp -s "$wanted" "$stamp"; then
    exit 0
fi

if [ ! -d $venv ]; then
    find_python
    printf 'Making %s with %s\n' $venv "$("$python" --version)"
    mkdir $venv
    echo $$ >$busy
    "$python" -m venv $venv || fail "$python could not make $venv: see above."
else
    echo $$ >$busy
fi

printf 'Installing %s (once; the next run starts at once)\n' "$wanted"
if ! $venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$wanted"; then
    # pip fetches everything before it changes anything, so the environment is still valid.
    rm -f $busy
    fail "$wanted could not be installed (see above): check that this machine reaches its package index, then try again."
fi
# run.txt is a subset of test.txt, and that of dev.txt, with the same versions (`make check`).
case $lock in
    dev) set -- run test dev ;;
    test) set -- run test ;;
    *) set -- run ;;
esac
for done in "$@"; do
    cp "requirements/$done.txt" "$venv/.$done-installed"
done
rm -f $busy
