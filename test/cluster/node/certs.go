package node

import (
	"errors"
	"fmt"

	"github.com/wayside-tracing/wayside/test/cluster/apiserver"
	"github.com/wayside-tracing/wayside/test/cluster/certs"
)

// Host is the user whose kubeconfig is for the machine outside.
const Host = "host"

// Issue makes what the parts of a cluster know each other by. front is the API
// server's URL outside.
func (p Plan) Issue(front string) error {
	a, err := certs.New(p.Certs())
	if err != nil {
		return err
	}
	inside := fmt.Sprintf("https://%s:%d", IP(1), Port)
	errs := []error{
		apiserver.Certificates(a, Port, IP(1)),
		a.Kubeconfig(Host, "admin", "system:masters", front),
		a.Kubeconfig("manager", "system:kube-controller-manager", "", inside),
		a.Kubeconfig("scheduler", "system:kube-scheduler", "", inside),
		a.Kubeconfig("proxy", "system:kube-proxy", "", inside),
		a.Kubeconfig("dns", "dns", "system:masters", inside),
	}
	for n := 1; n <= p.Nodes; n++ {
		kubelet, user := "kubelet-"+Name(n), "system:node:"+Name(n)
		errs = append(errs,
			a.Kubeconfig(kubelet, user, "system:nodes", inside),
			// It is a server, too: the API server asks it for logs. This takes the place
			// of the files, and the kubeconfig has the other one.
			a.Issue(kubelet, user, "system:nodes", Name(n), IP(n)))
	}
	return errors.Join(errs...)
}
