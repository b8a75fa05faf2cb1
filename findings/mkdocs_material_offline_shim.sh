#!/usr/bin/env bash
# mkdocs-material 9.8.2, plugin "offline": a site that is opened as files asks the network for its search.
# The plugin "makes a site work without a network", but each page that it writes loads https://unpkg.com/iframe-worker/shim,
# unless extra.polyfills names a script whose path holds "iframe-worker". Without it search does not start from file://.
# Seen: the address in index.html; 0 times where a polyfill of one's own is named. The script fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mkdocs==1.6.1 mkdocs-material==9.8.2
mkdir -p "$folder/site/docs"
cd "$folder/site"
echo "# Page" > docs/index.md
printf 'site_name: x\ntheme: {name: material, font: false}\nplugins: [search, offline]\n' > mkdocs.yml
build() { NO_MKDOCS_2_WARNING=1 "$folder/venv/bin/mkdocs" build --quiet; grep -c "unpkg.com/iframe-worker/shim" site/index.html || true; }
plain=$(build)
printf 'extra: {polyfills: [iframe-worker.js]}\n' >> mkdocs.yml
own=$(build)
echo "mkdocs-material 9.8.2: lines of index.html that load the shim from unpkg.com: $plain; with a polyfill of one's own: $own"
test "$plain" = 1 && test "$own" = 0
