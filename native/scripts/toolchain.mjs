import { spawnSync } from 'node:child_process';

const works = (command, args = ['--version']) => {
  const { status, error } = spawnSync(command, args, {
    stdio: 'ignore',
    shell: process.platform === 'win32',
  });
  return !error && status === 0;
};

const install = {
  cmake: {
    linux: 'sudo apt-get install cmake',
    darwin: 'brew install cmake',
    win32: 'winget install Kitware.CMake',
  },
  compiler: {
    linux: 'sudo apt-get install g++',
    darwin: 'xcode-select --install',
    win32:
      'winget install Microsoft.VisualStudio.2022.BuildTools --override "--add Microsoft.VisualStudio.Workload.VCTools --add Microsoft.VisualStudio.Component.VC.Llvm.Clang --add Microsoft.VisualStudio.Component.VC.Llvm.ClangToolset"',
  },
};

/** What the native build needs and this machine lacks: one line each, with the command that installs it. */
export function missingTools(platform = process.platform, has = works) {
  const missing = [];
  const hint = (tool) => install[tool][platform] ?? install[tool].linux;
  if (!has('cmake')) missing.push(`CMake (3.20 or newer) is missing; install it with: ${hint('cmake')}`);
  // Visual Studio's compiler is not on the PATH: CMake finds it, or says so.
  if (platform !== 'win32' && !['c++', 'g++', 'clang++'].some((c) => has(process.env.CXX ?? c)))
    missing.push(`a C++20 compiler is missing; install one with: ${hint('compiler')}`);
  return missing;
}
