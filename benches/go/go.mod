module zixflow-benches

go 1.22
