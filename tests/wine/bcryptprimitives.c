/* Debian's Wine has no ProcessPrng, which Rust's standard library needs; every Windows has.
 * Under this file's name as a DLL beside a program, it lets that program run under Wine.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom, of advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    return SystemFunction036(data, (ULONG)length);
}
