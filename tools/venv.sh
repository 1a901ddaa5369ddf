#!/bin/sh
# Makes .venv and installs one hashed lock into it: sh tools/venv.sh run|test|dev
#
# Quiet and quick when there is nothing to do. The stamp of an installed lock is a copy of it (.venv/.run-installed and so
# on), so a lock that changed is noticed whatever its date, and one that did not is not installed again.
# Ends with 1 and one sentence when it cannot go on.
set -eu

lock=${1:?usage: sh tools/venv.sh run|test|dev}
venv=.venv
busy=$venv/.busy # holds the number of the process that is making or filling .venv; left behind only by one that was killed
trap 'exit 130' INT
trap 'exit 143' HUP TERM

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Old enough is not enough: Debian and Ubuntu ship a Python whose venv module cannot make a whole environment.
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

# Throws away only what is surely an environment, or the beginning of one.
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
    # pip came back by itself: it fetches everything before it changes anything, so what was there is still whole.
    rm -f $busy
    fail "$wanted could not be installed (see above): check that this machine reaches its package index, then try again."
fi
# run.txt is part of test.txt, which is part of dev.txt, in the same versions: `make check` sees to it.
case $lock in
    dev) set -- run test dev ;;
    test) set -- run test ;;
    *) set -- run ;;
esac
for done in "$@"; do
    cp "requirements/$done.txt" "$venv/.$done-installed"
done
rm -f $busy
