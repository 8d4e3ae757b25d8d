# What a release is built with: the preset `release`, and whoever configures without saying
# anything. Before the targets, which take their options from here.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_C_FLAGS AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()

# Users have other compilers, with other warnings, and need not have the programs of the tests.
string(REGEX MATCH "^Rel" SIM_RELEASE "${CMAKE_BUILD_TYPE}")
if(NOT SIM_RELEASE)
    set(SIM_TESTING ON)
    set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
    return()
endif()
set(SIM_TESTING OFF)

include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g") # `must` stays

# tests/package/hardened reads off the program that they were taken.
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection
        -ftrivial-auto-var-init=zero)
    string(MAKE_C_IDENTIFIER "HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        add_compile_options(${flag})
    endif()
endforeach()
add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -ffunction-sections -fdata-sections)
add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--gc-sections
    -Wl,--as-needed)
