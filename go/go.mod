module zixflow.example/go

go 1.25
