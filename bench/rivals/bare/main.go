// Command bare is the function with aws-lambda-go and nothing else: what all others are measured against.
package main

import "github.com/epilogue-go/epilogue/bench/function"

func main() {
	function.Start(function.New(nil).Handle, func() {})
}
