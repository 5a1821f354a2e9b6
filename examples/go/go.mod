module zixflow.example/go/examples

go 1.25

require zixflow.example/go v0.0.0

replace zixflow.example/go => ../../go
