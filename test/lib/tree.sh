# tree.sh: a copy of the tree, without what was built, for a script that builds in it:
#
#   copy_tree DIR            from the directory we are in; what was in DIR is gone
#
# shellcheck shell=sh

copy_tree() {
	rm -rf "$1"
	mkdir -p "$1/test"
	cp ./*.c ./*.h ./*.md LICENSE Makefile "$1"
	cp -R .ci "$1"
	for part in test/*; do
		[ "$part" = test/bin ] || cp -R "$part" "$1/test"
	done
}
