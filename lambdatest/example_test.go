package lambdatest_test

import (
	"context"
	"fmt"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// A function in memory serves one invocation and is shut down. Outside a synctest bubble time is real.
func ExampleFunc() {
	env, err := lambdatest.New(lambdatest.Config{}, lambdatest.Func(func(p *lambdatest.Process) {
		p.Serve(func(name string) (string, error) { return "hello, " + name, nil })
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = env.Close() }()
	ctx := context.Background()
	resp, err := env.Invoke(ctx, lambdatest.Invocation{Payload: []byte(`"Lambda"`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, cold: %t\n", resp.Payload, resp.Cold)
	exit, err := env.Shutdown(ctx)
	fmt.Println(exit.Signal, err)
	for _, e := range env.Log().Events() {
		fmt.Println(e.Kind)
	}
	// Output:
	// "hello, Lambda", cold: true
	// killed <nil>
	// init.start
	// process.start
	// runtime.next
	// init.done
	// invocation.released
	// response.begun
	// response.posted
	// caller.answered
	// runtime.next
	// phase.done
	// freeze
	// thaw
	// sigkill
	// process.exit
}
