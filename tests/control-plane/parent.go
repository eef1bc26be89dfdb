package main

import (
	"io"
	"os"
)

// endWithParent ends this process when the one that started it is gone, however that went. The parent asks for it by
// CONTROL_PLANE_PARENT=stdin, and holds the other end of standard input open: the kernel closes it for a parent that
// was killed, too. Nothing is saved on the way out: etcd runs without fsync, and what it wrote is in the page cache.
func endWithParent() {
	if os.Getenv("CONTROL_PLANE_PARENT") != "stdin" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
}
