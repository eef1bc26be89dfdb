// Command node is what a machine of a cluster runs besides a container runtime: kubelet and kube-scheduler. Which of
// them it is, its first argument decides.
package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/component-base/cli"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	if len(os.Args) > 1 {
		// The components read os.Args themselves, and expect to be its first word.
		os.Args = os.Args[1:]
		switch os.Args[0] {
		case "kubelet":
			os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
		case "kube-scheduler":
			os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
		}
	}
	fmt.Fprintln(os.Stderr, "node: say which component: kubelet or kube-scheduler")
	os.Exit(2)
}
