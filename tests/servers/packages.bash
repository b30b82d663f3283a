# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Debian's packages, unpacked below build/ and not installed.  For servers/*, which set
# $packages (a folder) and have die().
# shellcheck disable=SC2154

# apt COMMAND...: apt-get, kept from writing its caches and logs.
apt() {
    apt-get -q -o APT::Sandbox::User=root -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= -o Dir::Log::Planner=/dev/null "$@"
}

# packages_missing ROOT FILE...: whether one of these programs misses a library.
packages_missing() {
    local missing
    missing=$(LD_LIBRARY_PATH=$(packages_libraries "$1") ldd "${@:2}" 2>&1 |
        grep 'not found' | sort -u) || return 1
    echo "$missing" >&2
}

# packages_libraries ROOT: where Debian's programs would look, but below ROOT.
packages_libraries() {
    local IFS=:
    local dirs=("$1"/usr/lib "$1"{/usr,}/lib/*-linux-gnu)
    echo "${dirs[*]}"
}

# Unpacks all of $packages/NAME anew; fails if there isn't enough.
packages_unpack() {
    local name=$1 root=$2 program=$3 package
    compgen -G "$packages/$name/*.deb" >/dev/null || return 1
    rm -rf "$root"
    mkdir -p "$root"
    for package in "$packages/$name"/*.deb; do dpkg -x "$package" "$root" || return 1; done
    [ -x "$root/$program" ] && ! packages_missing "$root" "$root/$program"
}

# The packages, and the libraries apt-get would install for them.
packages_download() {
    local name=$1 wanted
    shift
    mkdir -p "$packages/$name"
    wanted=$(apt --simulate --no-install-recommends install "$@" |
        awk '$1 == "Inst" && $2 ~ /^lib/ { print $2 }') || wanted=
    # shellcheck disable=SC2086 # several words
    (cd "$packages/$name" && apt download "$@" $wanted >&2)
}

# packages_root NAME ROOT PROGRAM PACKAGE...: the packages are in ROOT, where PROGRAM can be
# run; once for all, whoever is first.
packages_root() {
    local name=$1 root=$2 program=$3
    shift 3
    mkdir -p "$(dirname "$root")"
    exec 8>"$root.lock"
    flock 8
    if ! [ -e "$root/.done" ]; then
        packages_unpack "$name" "$root" "$program" ||
            { packages_download "$name" "$@" && packages_unpack "$name" "$root" "$program"; } ||
            die "no usable packages in $packages/$name"
        touch "$root/.done"
    fi
    exec 8>&-
}
