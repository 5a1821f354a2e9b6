"""The library as a Conan 2 package, built by cargo:

    conan create packaging/conan

or taken from a .tar.gz or .zip that packaging/build made:

    conan create packaging/conan -c user.zixflow:package=/where/it/is/zixflow-0.3.0-x86_64-linux-gnu.tar.gz
"""

import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy, load, unzip

# What cargo and CMake read.
SOURCES = (
    ".cargo/*", "Cargo.*", "build.rs", "src/*", "include/*", "cbindgen/*", "sandbox/*", "tests/*",
    "CMakeLists.txt", "cmake/*", "packaging/packages.cmake", "LICENSE",
)  # fmt: skip


class Zixflow(ConanFile):
    name = "zixflow"
    description = "WhatsApp reply-buttons messages through Zixflow, from C and C++"
    license = "MIT"
    homepage = "https://zixflow.com"
    topics = ("whatsapp", "zixflow", "messaging")
    settings = "os", "arch", "compiler", "build_type"
    package_type = "shared-library"

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..")

    @property
    def _package(self):
        return self.conf.get("user.zixflow:package")

    def set_version(self):
        manifest = load(self, os.path.join(self._root, "Cargo.toml"))
        self.version = re.search(r'^version = "(.+)"', manifest, re.MULTILINE).group(1)

    def export_sources(self):
        for pattern in SOURCES:
            copy(self, pattern, self._root, self.export_sources_folder,
                 excludes=("*/node_modules/*", "*/target/*"))  # fmt: skip

    def package_id(self):
        # What is linked is a C ABI, and always a release build.
        del self.info.settings.compiler
        del self.info.settings.build_type

    def generate(self):
        CMakeToolchain(self).generate()

    def build(self):
        if self._package:
            unzip(self, self._package, "unpacked", strip_root=True)
        else:
            cmake = CMake(self)
            cmake.configure()
            cmake.build()

    def package(self):
        if self._package:
            copy(self, "*", os.path.join(self.build_folder, "unpacked"), self.package_folder)
        else:
            CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.libs = ["zixflow"]
        # CMake finds the library's own package, with the targets of every other installation.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "zixflow")]
