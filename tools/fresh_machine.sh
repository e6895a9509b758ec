#!/usr/bin/env bash
# Runs the README's first commands on a machine that has nothing: a Debian 12 made by mmdebstrap, with the checkout in a folder whose
# name has a space: tools/fresh_machine.sh [root|user]... [TARGET]...   (default: both users, `demo` and `test`)
# Needs root, mmdebstrap, 15 GB in ${TMPDIR:-/var/tmp} and the network; downloads all anew, for hours. Where packages come from, and which
# certificates are trusted, is taken from this machine. What is committed is what is tried. Everything is removed at the end.
set -euo pipefail
if [ "${1-}" != --inside ]; then
  # In a mount and a process namespace of its own, which end with it: no mount and no process can be left.
  exec unshare --mount --propagation private --pid --fork --kill-child "$0" --inside "$@"
fi
shift
cd "$(dirname "$0")/.."
users=() targets=()
for word in "$@"; do
  case $word in root | user) users+=("$word") ;; *) targets+=("$word") ;; esac
done
[ ${#users[@]} -gt 0 ] || users=(root user)
[ ${#targets[@]} -gt 0 ] || targets=(demo test)
place=$(mktemp -d "${TMPDIR:-/var/tmp}/fresh-machine.XXXXXX")
trap 'remove_machine; rm -rf --one-file-system "$place"' EXIT
trap 'exit 130' INT TERM

# Mounts are seen in this namespace alone, but rm would go through them.
remove_machine() {
  local folder
  for folder in dev proc; do
    if mountpoint --quiet "$place/machine/$folder"; then umount --recursive --lazy "$place/machine/$folder"; fi
  done
  rm -rf --one-file-system "$place/machine"
}

# Makes the bare machine in $place/machine.
make_machine() {
  remove_machine
  local sources=() file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -s "$file" ]; then sources+=("$file"); fi
  done
  mmdebstrap --quiet --variant=minbase bookworm "$place/machine" "${sources[@]}"
  local root=$place/machine
  cp -r /etc/apt/auth.conf.d /etc/apt/preferences.d "$root/etc/apt/"
  for file in /etc/apt/apt.conf.d/*; do  # but not those that call programs
    if ! grep -qE 'Post|Pre|Invoke|Dir::' "$file"; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
  done
  if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$root/etc/"; fi
  cp --dereference /etc/resolv.conf /etc/hosts "$root/etc/"
  mkdir -p "$root/usr/local/share/ca-certificates"
  awk -v folder="$root/usr/local/share/ca-certificates" \
    '/BEGIN CERTIFICATE/ {count++} {print > sprintf("%s/machine-%03d.crt", folder, count)}' /etc/ssl/certs/ca-certificates.crt
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
}

# Runs a line there, as root or as user.
there() {
  local user=$1 line=$2 variables=() name
  while read -r name; do variables+=("$name=${!name}"); done \
    < <(compgen -e | grep -iE '^(pip_(cert|index_url|extra_index_url)|ssl_cert_file|requests_ca_bundle|.*_proxy)$' || true)
  chroot "$place/machine" env -i "${variables[@]}" TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --reuid "$user" --regid "$user" --clear-groups env HOME="$(home_of "$user")" bash -c "$line"
}

# Runs a line of apt-get as root.
install() {
  there root "export DEBIAN_FRONTEND=noninteractive; $1" >"$place/apt.txt" 2>&1 || { tail -n 20 "$place/apt.txt"; exit 1; }
}

home_of() { if [ "$1" = root ]; then echo /root; else echo /home/user; fi; }

for user in "${users[@]}"; do
  echo "fresh machine: Debian 12, as $user"
  make_machine
  install "$(grep --max-count=1 '^apt-get' README.md)"
  if [ "$user" = user ]; then there root 'useradd --create-home --shell /bin/bash user'; fi
  folder="$(home_of "$user")/ring feed"
  git clone --quiet --no-local . "$place/machine$folder"
  there root "chown -R '$user': '$folder'"
  for target in "${targets[@]}"; do
    SECONDS=0
    if ! there "$user" "cd '$folder' && make $target" 2>&1 | tee "$place/$target.txt"; then
      # Who is not root is told what to install, in one line.
      remedy=$(sed -n 's/^  \(apt-get install .*\)/\1/p' "$place/$target.txt" | head -n 1)
      [ "$user" = user ] && [ -n "$remedy" ] || exit 1
      echo "fresh machine: root runs: $remedy"
      install "$remedy"
      SECONDS=0
      there "$user" "cd '$folder' && make $target"
    fi
    echo "fresh machine: make $target as $user: $((SECONDS / 60)) min $((SECONDS % 60)) s"
  done
done
