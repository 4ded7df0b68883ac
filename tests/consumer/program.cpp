// SPDX-License-Identifier: MIT
#include <tinyvis/convert.h>
#include <tinyvis/hosted.h>
#include <tinyvis/tinyvis.h>

#include <cstdio>
#include <string>
#include <vector>

int main()
{
    tvis_diag d{};
    tvis_file f{};
    if (tvis_file_open(&f, "/no/such/model.tvis", &d) != TVIS_EIO)
        return 1;
    std::string text(static_cast<size_t>(tvis_diag_format(&d, nullptr, 0)) + 1, '\0');
    tvis_diag_format(&d, &text[0], text.size());
    std::printf("# %s\n", text.c_str());

    alignas(TVIS_ARENA_ALIGN) static const unsigned char garbage[64] = {};
    tvis_model m;
    tvis_arch_info arch;
    tvis_session_config c;
    tvis_session_defaults(&c);
    return tvis_model_open(&m, garbage, sizeof garbage, &d) == TVIS_EFORMAT && tvis_arch(0, &arch) && c.n == 1 ? 0 : 1;
}
