import os

from conan import ConanFile
from conan.errors import ConanException
from conan.tools.build import can_run
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout

# Where nobody listens.
NOBODY = {
    "ZIXFLOW_BASE_URL": "http://127.0.0.1:9",
    "ZIXFLOW_API_KEY": "none",
    "ZIXFLOW_WORKSPACE_ID": "none",
}


class TestZixflow(ConanFile):
    """The README's first programs: they send to the sandbox whose lines were pasted, or to nobody."""

    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        # None of Conan's files beside ours.
        toolchain.user_presets_path = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        if not can_run(self):
            return
        expected = 0
        if "ZIXFLOW_BASE_URL" not in os.environ:
            os.environ.update(NOBODY)
            expected = 1
        for program in ("c_zixflow", "c_static", "cpp_zixflow", "cpp_static"):
            path = os.path.join(self.cpp.build.bindir, program)
            code = self.run(path, env="conanrun", ignore_errors=True)
            if code != expected:
                raise ConanException(f"{program} ended with {code} in place of {expected}")
