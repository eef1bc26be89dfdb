module ace-ops.invalid/pause

go 1.26.0
