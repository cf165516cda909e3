package trigger

import (
	"strings"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// vpcLattice is a service of VPC Lattice, with events of version 1 or 2 (VPC Lattice User Guide, "Lambda functions as
// targets").
var vpcLattice = source{
	name: "VPC Lattice",
	is: func(d *document) bool {
		return d.Get("method").Present() && (d.Get("raw_path").Present() ||
			isRequest(d) && d.context.Get("serviceArn").Or(d.context.Get("serviceNetworkArn")).Present())
	},
	read: readVPCLattice,
}

// readVPCLattice reads a request. Version 1 has the query in the path.
func readVPCLattice(d *document, s *Settings) Cause {
	r := request{
		method: d.Get("method").Text(), headers: headersOf(d.Get("headers"), event.Value{}),
		parameters: d.Get("queryStringParameters").Or(d.Get("query_string_parameters")),
	}
	r.path, r.query, _ = strings.Cut(d.Get("raw_path").Or(d.Get("path")).Text(), "?")
	return r.cause(s)
}
