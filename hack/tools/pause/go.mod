module kedge.dev/hack/tools/pause

go 1.24
