// Command control-plane is what the bed needs of Kubernetes in one file: etcd, kube-apiserver,
// kube-controller-manager and kubectl. Which of them it is, its own name decides, or else its first argument.
//
// One binary, because the four share most of their code: linked apart they take four times the disk and the time.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	name := filepath.Base(os.Args[0])
	if !run(name) && len(os.Args) > 1 {
		// The components read os.Args themselves, and expect to be its first word.
		os.Args = os.Args[1:]
		name = os.Args[0]
		if run(name) {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "control-plane: no component %q; it is one of etcd, kube-apiserver, kube-controller-manager, kubectl\n", name)
	os.Exit(2)
}

// run does not return for a component that it knows.
func run(component string) bool {
	switch component {
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
		os.Exit(0)
	case "etcd":
		endWithParent()
		if err := serveEtcd(os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "etcd: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	case "kube-apiserver":
		endWithParent()
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		endWithParent()
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	}
	return false
}
